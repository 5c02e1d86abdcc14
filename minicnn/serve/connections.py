"""Connections that slow and boundless clients cannot hold."""
