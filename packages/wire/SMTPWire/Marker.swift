enum SMTPWireMarker {}
