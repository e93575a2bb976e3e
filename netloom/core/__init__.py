"""What knows no IR: diagnostics, number formats, configuration, build plans, tools, plugins."""
