enum DNSResolverMarker {}
