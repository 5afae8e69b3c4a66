enum DomainsMarker {}
