"""One function of C++ for each op that becomes hardware."""
