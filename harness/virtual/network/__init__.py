"""The virtual cellular network: registration, the SMS centre and the IP gateway."""
