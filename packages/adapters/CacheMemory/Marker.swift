enum CacheMemoryMarker {}
