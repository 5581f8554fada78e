"""Everything at the far end of a wire: the virtual cloud, network, modems and boards, in one world."""
