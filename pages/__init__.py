"""The pages, in the order of the notes: Start, Data, Backbone, Train, Predict."""
