"""Click models: why a click did, or did not, follow from being shown. One model a file, fitted by EM or by gradient."""
