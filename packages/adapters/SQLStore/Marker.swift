enum SQLStoreMarker {}
