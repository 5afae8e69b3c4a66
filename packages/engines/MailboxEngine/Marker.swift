enum MailboxEngineMarker {}
