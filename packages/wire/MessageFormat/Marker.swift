enum MessageFormatMarker {}
