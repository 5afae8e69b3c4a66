enum NetKitMarker {}
