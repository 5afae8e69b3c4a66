enum PlatformConfigMarker {}
