"""Frontends: from model files and objects to the IR, one folder a format."""
