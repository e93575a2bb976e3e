"""Backend `quartus`: Intel HLS Compiler."""
