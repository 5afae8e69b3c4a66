enum AccountsMarker {}
