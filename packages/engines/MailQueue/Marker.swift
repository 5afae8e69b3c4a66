enum MailQueueMarker {}
