"""Where a sweep runs: attaching to Ray, private on this machine or a cluster's, and what its nodes hold."""
