"""Backend `vhdl`: register-transfer designs in VHDL-2008 that any vendor's tool takes."""
