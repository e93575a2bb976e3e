"""From tensors to streams: what moves beat by beat, what needs a memory, and what becomes one stage."""
