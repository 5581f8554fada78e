"""The end-to-end suite: what ``mvh run`` runs, on virtual or real devices alike."""
