"""Fixtures for the tests of CIFAR-10; a test module asks for them with ``pytest_plugins``."""

import dataclasses
import hashlib
import socket

import pytest
from cifar_files import ROWS, binary_members, entries, python_members, tar

from minicnn.datasets import cifar10, cifar10_batches


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Small batches, empty home folders, no network, no settings from outside."""
    for name in (
        "MINICNN_DATA",
        "MINICNN_OFFLINE",
        "MINICNN_CIFAR_URL",
        "KERAS_HOME",
        "XDG_CACHE_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(cifar10_batches, "ROWS", ROWS)
    monkeypatch.setattr(cifar10, "MIRRORS", ())
    return tmp_path


@pytest.fixture
def genuine(monkeypatch):
    """Make the miniatures of seed 0 what Toronto publishes; returns the bytes of the download."""

    def pin(version, members):
        digests = {
            name: hashlib.sha256(members[f"{version.folder}/{name}"]).hexdigest()
            for name in version.batches
        }
        return dataclasses.replace(version, batches=digests)

    binary = pin(cifar10_batches.BINARY, binary_members())
    python = pin(cifar10_batches.PYTHON, python_members())
    blob = tar(entries(python_members()))
    monkeypatch.setattr(cifar10_batches, "BINARY", binary)
    monkeypatch.setattr(cifar10_batches, "PYTHON", python)
    monkeypatch.setattr(cifar10_batches, "VERSIONS", (binary, python))
    monkeypatch.setattr(cifar10, "DOWNLOAD_SIZE", len(blob))
    monkeypatch.setattr(cifar10, "DOWNLOAD_SHA256", hashlib.sha256(blob).hexdigest())
    return blob


@pytest.fixture
def no_sockets(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
