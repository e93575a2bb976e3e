"""The C++ printer that all HLS backends share; vendors are data."""
