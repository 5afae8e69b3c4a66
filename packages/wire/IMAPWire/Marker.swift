enum IMAPWireMarker {}
