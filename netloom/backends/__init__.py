"""Backends: each turns a scheduled program into a project for one family of tools."""
