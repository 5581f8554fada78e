"""The HTTP front of the virtual cloud: four hosts, one server, one thread."""
