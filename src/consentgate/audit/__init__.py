"""What a site really sets, compared with what it declares: the extra `consentgate[cli]`."""
