enum SASLMechanismsMarker {}
