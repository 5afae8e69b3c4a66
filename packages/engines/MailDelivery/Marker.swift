enum MailDeliveryMarker {}
