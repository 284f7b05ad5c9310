"""What Google's services share: signing in, the wire format of generateContent, errors. No provider by itself."""
