hello, this is no tensor
