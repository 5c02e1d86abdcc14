"""A model over HTTP: pictures in, classes out, for a page in the browser and for programs.

    minicnn serve runs/latest

From the socket to the answer, a file each: connections (slow clients), gate (who may ask), routes
(what can be asked), bodies and pictures (bytes to arrays), batching (who is answered together),
served (the model), answers. docs/serve.md is its user's page.
"""
