"""What a network is and how it runs; nothing here knows of training or of files."""

from minicnn.network.network import Network

__all__ = ["Network"]
