"""`minicnn export docker`: a folder from which any container engine builds an image that serves a
model.

    Dockerfile        how the image is built: minicnn serve and what it needs, and no more
    entrypoint.sh     what it runs, with kernels for the processor that it finds
    requirements.txt  the packages, in the versions that were here
    wheels/           minicnn, as it was here
    models/           the model
    compose.yaml, kubernetes.yaml, lambda.Dockerfile
    README.md         how to start it, here and there

entrypoint.sh and what is in templates/ stand here as they are written, but for the words between
@{ and }.
"""

from minicnn.serve.container.folder import write

__all__ = ["write"]
