"""The prediction service beside its peers, over HTTP."""
