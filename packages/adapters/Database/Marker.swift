enum DatabaseMarker {}
