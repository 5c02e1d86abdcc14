"""From a file to an answer: the camera's page, and the folders that others run."""
