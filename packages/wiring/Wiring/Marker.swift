enum WiringMarker {}
