enum HTTPKitMarker {}
