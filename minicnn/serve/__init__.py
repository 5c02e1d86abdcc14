"""A model over HTTP: pictures in, classes out, for a page in the browser and for programs.

    minicnn serve runs/latest

From the socket to the answer, a file each: connections (slow clients), application (one request),
security (who may ask), routes, v2 and operation (what can be asked), multipart, pictures and
tensors (bytes to arrays), asking (the threads), batching (who is answered together), served (the
model), messages (the answer). Around them: running, server, workers, reloading (processes that
come and go), web and container (folders to take away). docs/serve.md is its user's page.
"""
