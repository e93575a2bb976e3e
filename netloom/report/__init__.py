"""Reports: what a design costs, and where it departs from the model it came from."""
