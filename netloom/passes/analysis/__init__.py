"""Analyses that passes, estimates and backends share."""
