enum ServerMarker {}
