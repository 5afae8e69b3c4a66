enum BlobFilesMarker {}
