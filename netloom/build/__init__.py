"""The open flow: VHDL through GHDL, Yosys and nextpnr to counts, Fmax and a bitstream; proofs."""
