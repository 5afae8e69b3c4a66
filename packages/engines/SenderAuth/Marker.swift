enum SenderAuthMarker {}
