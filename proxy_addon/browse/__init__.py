"""`consentry browse`: a clean Chromium behind the forward proxy, to look at any site."""
