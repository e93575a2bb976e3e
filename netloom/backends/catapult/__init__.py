"""Backend `catapult`: Siemens Catapult."""
