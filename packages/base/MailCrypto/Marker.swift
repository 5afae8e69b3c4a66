enum MailCryptoMarker {}
