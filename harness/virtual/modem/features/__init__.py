"""The commands there are, by feature; a profile names the features it has."""
