print("rookery")
