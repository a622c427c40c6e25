"""What helps to test a plugin: contexts made by hand, a loopback server, and a stand-in vendor with its plugin in one rig."""
