enum SMTPTransportMarker {}
