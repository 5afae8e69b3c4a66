enum ByteParsingMarker {}
